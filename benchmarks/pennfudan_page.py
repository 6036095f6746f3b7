"""What benchmarks/pennfudan.py writes of its rows, each a recipe, what it starts from, and the reports of its seeds."""

from pathlib import Path

from benchmarks.row_page import MEASURES, cell, markdown, plot, put, record, values
from instance_seg_node.files.atomic_files import atomic_file
from instance_seg_node.training.recipe import Recipe

Row = tuple[Recipe, Path | None, list[dict]]


def write_page(folder: Path, results: Path, rows: list[Row], pixels: int) -> None:
    """folder/pennfudan.md, in a page that is there only what stands between its marks, and pennfudan.png; and the same
    figures, in [0, 1] and for every seed, as JSON.

    pixels: what each training has seen. Raises InputError if the page has lost a mark.
    """
    images = rows[0][2][0]["images"]
    where = record(results, {"test_images": images, "pixels_seen": pixels, "rows": [
        {"name": recipe.name, "start": str(start or "chance"), "network": recipe.network, "steps": recipe.steps}
        | {measure: values(reports, measure) for measure in MEASURES} for recipe, start, reports in rows]})
    recipe = rows[0][0]
    budget = (f"{recipe.steps} steps a training, {pixels / 1e6:.0f} million pixels of crops; {images} test photos, at "
              f"{recipe.input_height} x {recipe.input_width}. In percent: the mean over the seeds ± their standard "
              "deviation; AP_gt has centres and margins from the true masks.")
    put(folder / "pennfudan.md", "pennfudan.py", "People of Penn-Fudan",
        f"{budget}\n\n{table(rows)}\n\n![AP_gt and AP of each row](pennfudan.png)\n\n{where}")
    named = [(recipe.name, reports) for recipe, _, reports in rows]
    with atomic_file(folder / "pennfudan.png") as file:
        plot(named, "the test photos").savefig(file, dpi=120)


def table(rows: list[Row]) -> str:
    """Markdown: what each row is, and all of MEASURES."""
    lines = [["row", "margin", "seed error", "starts from", "seeds", "AP", "AP50", "AP_gt", "AP50_gt"]]
    for recipe, start, reports in rows:
        margin = {1: "circle", 2: "ellipse"}[recipe.bandwidths]
        lines.append([recipe.name, margin, recipe.loss.seed_error.replace("_", " "), str(start or "chance"),
                      str(len(reports)), *(cell(values(reports, measure)) for measure in lines[0][5:])])
    return markdown(lines, texts=5)
