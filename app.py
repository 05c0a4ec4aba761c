"""Entry point: build the page and serve it."""

from playground.ui.layout import launch

if __name__ == "__main__":
    launch()
