"""Entry point: prepare the process, build the page and serve it."""

from playground.hosting import prepare

prepare()  # before torch and gradio are imported below

from playground.ui.layout import launch  # noqa: E402

if __name__ == "__main__":
    launch()
