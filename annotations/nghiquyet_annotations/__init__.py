"""Label Studio around the annotations: labelling config, validation, statistics, agreement, manifest.

Works offline on Label Studio's JSON exports; the SDK and a server are not needed.
"""
