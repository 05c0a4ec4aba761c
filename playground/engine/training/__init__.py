"""Training adapters and weights: methods, runs, jobs. Importing it registers every method, in the order of menus."""

from playground.engine.training import peft_methods as peft_methods
from playground.engine.training import weight_methods as weight_methods
