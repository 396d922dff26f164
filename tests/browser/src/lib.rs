//! Nothing: the package is its tests, in a real browser.
