"""The Fact lab tab."""
