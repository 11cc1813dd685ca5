"""How gunicorn serves: a worker that bounds every connection's time, and what it needs."""
