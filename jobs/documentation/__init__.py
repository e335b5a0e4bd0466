"""Documentation as pages, made by Sphinx of README, ARCHITECTURE, cluster pages, tutorials, docstrings."""
