"""What gunicorn serves: `gunicorn -c config/gunicorn.conf.py wsgi:app`."""

from app import create_app
from config.settings import Settings

app = create_app(Settings.from_env())
