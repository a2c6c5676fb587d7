"""One reader a format: from what others publish into stores and bodies of this project."""
