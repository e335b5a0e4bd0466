"""`monsoon report`: one HTML page about a campaign.

page.py puts the sections together; each other file makes one of them, or reads what they need. All sections
are data (jobs/pages/blocks.py).
"""
