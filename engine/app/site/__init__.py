"""The documentation in German: checked partners in, a folder of Markdown out.

`page` (made of `parts`), `matrix` and `usecase` gather what a page says, `words` and
`ways` say it in German, `templates/` give it its form, `writer` makes the folder.
"""
