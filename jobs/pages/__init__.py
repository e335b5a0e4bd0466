"""HTML pages from plain values: a page is data (blocks.py), and templates/ turn it into HTML (render.py).

Only templates/ contains HTML. jinja2 escapes every value, and no block accepts HTML.
"""
