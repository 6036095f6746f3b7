"""Files that others may have damaged, planted or locked, and files that appear whole or not at all."""
