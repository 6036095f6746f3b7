"""From generated or labelled images to a checkpoint, and from a checkpoint to a model folder."""
