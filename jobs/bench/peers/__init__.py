"""The peers: a file each, the best that its tool can do for the same result.

Results are equal bit for bit, but where networks are run by another library: floats are summed in another
order there, and what may differ is said beside the comparison. Packages that nothing requires (nflows,
zuko, onnxruntime) are imported by their peers alone; without them the peer's row says so.
"""
