"""What benchmarks/ablation.py writes of its rows, each a recipe and the reports of its seeds."""

from pathlib import Path

from benchmarks.row_page import MEASURES, cell, markdown, plot, put, record, values
from instance_seg_node.datasets.street import CLASSES
from instance_seg_node.files.atomic_files import atomic_file
from instance_seg_node.training.recipe import Recipe

Row = tuple[Recipe, list[dict]]


def write_page(folder: Path, results: Path, rows: list[Row], start: str) -> None:
    """folder/ablation.md, in a page that is there only what stands between its marks, and ablation.png; and the same
    figures, in [0, 1] and for every seed, as JSON.

    start: what the rows' weights come from. Raises InputError if the page has lost a mark.
    """
    recipe, seeds = rows[0][0], max(len(reports) for _, reports in rows)
    budget = (f"{recipe.steps} steps a row, from {start}; {recipe.scenes.test} held-out streets of "
              f"{recipe.input_height} x {recipe.input_width} pixels; seeds of a row: {seeds}. In percent; the classes' "
              "columns are AP_gt.")
    where = record(results, {"start": start, "steps": recipe.steps, "test_streets": recipe.scenes.test, "rows": [
        {"name": recipe.name} | {measure: values(reports, measure) for measure in MEASURES}
        for recipe, reports in rows]})
    put(folder / "ablation.md", "ablation.py", "What each part of the seed is worth",
        f"{budget}\n\n{table(rows)}\n\n![AP_gt and AP of each row](ablation.png)\n\n{where}")
    named = [(recipe.name, reports) for recipe, reports in rows]
    with atomic_file(folder / "ablation.png") as file:
        plot(named, "held-out streets").savefig(file, dpi=120)


def table(rows: list[Row]) -> str:
    """Markdown: what each row is, all of MEASURES, and AP_gt of each class."""
    lines = [["row", "bandwidth", "centre", "smoothness", *MEASURES, *(c.name for c in CLASSES)]]
    for recipe, reports in rows:
        fixed = recipe.loss.fixed_margin_px
        bandwidth = f"fixed, {fixed:g} px" if fixed else {1: "circle", 2: "ellipse"}[recipe.bandwidths]
        smoothness = "-" if fixed else "yes" if recipe.loss.weights[1] else "no"
        by_class = [[report["ground_truth_sampling"]["coco"]["classes"][c.name]["AP"] for report in reports]
                    for c in CLASSES]
        lines.append([recipe.name, bandwidth, recipe.loss.centre, smoothness,
                      *(cell(values(reports, measure)) for measure in MEASURES), *map(cell, by_class)])
    return markdown(lines, texts=4)
