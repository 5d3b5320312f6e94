"""Prints version and bytes of an installed package with all that it requires: python installed_size.py NAME"""

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution

seen, total, open_names = set(), 0, [sys.argv[1]]
while open_names:
    name = re.sub(r"[-_.]+", "-", open_names.pop()).lower()
    try:
        package = distribution(name)
    except PackageNotFoundError:
        continue  # Required only elsewhere.
    if name in seen:
        continue
    seen.add(name)
    files = (package.locate_file(file) for file in package.files or [])
    total += sum(file.stat().st_size for file in files if file.is_file())
    needed = (r for r in package.requires or [] if "extra ==" not in r)
    open_names += [re.match(r"[\w.-]+", requirement)[0] for requirement in needed]
print(distribution(sys.argv[1]).version, total)
