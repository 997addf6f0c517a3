"""Common corruptions of images: what noise, blur, weather of light and a bad camera leave of a classifier's accuracy."""
