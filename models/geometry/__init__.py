"""What a shower looks like: voxels, symmetries and observables; a geometry a file."""
