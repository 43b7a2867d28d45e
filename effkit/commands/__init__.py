"""The commands of `effkit`, a module for each kind. At their top they import nothing heavy."""
