"""Reports: one file of HTML that shows what runs came to, and on which samples; it opens from the disk, without a network.

`zoo.report` writes them. `stored` reads runs back, `kinds` says what there is to see of each task, `page.html` is the page.
"""
