"""Neven et al., CVPR 2019: offsets to a centre, a learned clustering bandwidth and a seed map per class."""
