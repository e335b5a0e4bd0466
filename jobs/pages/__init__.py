"""HTML pages from plain values: a page is data (blocks.py), templates/ turn it into HTML (render.py).

Nothing outside templates/ writes HTML. Every value is escaped by jinja2; no block takes ready-made HTML.
"""
