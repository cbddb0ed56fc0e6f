"""What `tools build` makes of the source tree, piece by piece: compiled files, the file system, roots, manifest, the tree."""
