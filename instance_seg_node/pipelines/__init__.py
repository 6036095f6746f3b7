"""Camera messages in, what is published of them out: one face of two ways, the CPU's and the GPU's."""
