"""Building blocks of the widgets: forms, charts as HTML, polling, background tasks, number formats."""
