"""Views: tables over a lake that keep themselves up to date."""
