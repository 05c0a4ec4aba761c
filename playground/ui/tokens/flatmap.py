"""The flat map of a token and its surroundings, drawn with Plotly."""

from __future__ import annotations

# Imported here and not at the first drawing: plotly and scikit-learn (dense search, imported behind
# the page) both read narwhals, and two threads that begin with it at once block each other.
from plotly.graph_objects import Figure, Scatter

from playground.engine.measuring.token_map import FlatMap, Point
from playground.ui.text import say

INK, SOFT, OLD, NEW = "#1f2937", "#6b7280", "#2563af", "#c25414"


def draw(flat: FlatMap, language: str) -> Figure:
    """Neighbours as grey dots, the token before as a blue one, after as an orange diamond."""
    figure = Figure()
    _points(figure, list(flat.others), SOFT, "circle", say(language, "map_neighbours"))
    _points(figure, [flat.before], OLD, "circle", say(language, "map_before"))
    if (flat.after.x, flat.after.y) != (flat.before.x, flat.before.y):
        _points(figure, [flat.after], NEW, "diamond", say(language, "map_after"))
        figure.add_annotation(
            x=flat.after.x,
            y=flat.after.y,
            ax=flat.before.x,
            ay=flat.before.y,
            xref="x",
            yref="y",
            axref="x",
            ayref="y",
            showarrow=True,
            arrowhead=3,
            arrowwidth=2,
            arrowcolor=NEW,
            text="",
        )
    axis = {"showgrid": True, "gridcolor": "#e5e7eb", "zeroline": False, "showticklabels": False}
    figure.update_layout(
        template="none",
        height=380,
        margin={"l": 8, "r": 8, "t": 50, "b": 8},
        paper_bgcolor="white",
        plot_bgcolor="white",
        font={"color": INK, "size": 12},
        title={
            # In two lines, so that a phone shows all of it.
            "text": say(language, "map_title", share=f"{flat.kept * 100:.0f}").replace(" (", "<br>(", 1),
            "font": {"size": 13},
        },
        modebar={"remove": ["zoom", "pan", "select", "lasso", "zoomin", "zoomout", "autoscale", "reset", "toimage"]},
        legend={"orientation": "h", "y": -0.02},
        xaxis=axis,
        yaxis=axis,
    )
    return figure


def _points(figure: Figure, points: list[Point], colour: str, symbol: str, name: str) -> None:
    texts = [_plain(point.text) for point in points]
    figure.add_trace(
        Scatter(
            x=[point.x for point in points],
            y=[point.y for point in points],
            text=texts,
            hovertext=[f"{text} ({point.id})" for text, point in zip(texts, points, strict=True)],
            hoverinfo="text",
            mode="markers+text",
            textposition="top center",
            marker={"color": colour, "size": 9, "symbol": symbol},
            textfont={"color": INK},
            name=name,
        )
    )


def _plain(text: str) -> str:
    """Token text for Plotly, which reads some HTML: none is left."""
    shown = text.replace(" ", "␣").replace("\n", "⏎")
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
