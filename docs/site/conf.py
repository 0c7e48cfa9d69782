"""Settings of the site; tools/build_site.py lays its pages out beside this file and builds it."""

project = "cookiecutter-mlops-actions"
html_title = project
html_theme = "furo"
extensions = ["myst_parser"]
myst_heading_anchors = 4  # as GitHub makes them, so that a lost anchor is an error
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
# The page has what it needs: no file of another host, and nothing about its reader is kept.
html_theme_options = {"top_of_page_buttons": []}
