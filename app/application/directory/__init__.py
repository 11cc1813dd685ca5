"""The carriers' directory: queries, answered from the views that projections write.

`query.py` says what is asked for, `live_views.py` which generation of a view may answer and waits
until it is there, `pages.py` reads the answer.
"""
