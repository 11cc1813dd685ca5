"""What gunicorn serves: `gunicorn -c config/gunicorn.conf.py wsgi:app`."""

from app import create_app
from app.server import served

app = create_app(served.settings())
