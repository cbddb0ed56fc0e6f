"""The web flasher that `build --web DIR` makes: a page of plain files that writes a board from a browser, without an internet."""
