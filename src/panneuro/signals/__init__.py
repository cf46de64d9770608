"""What was measured or computed, lazily, in five shapes.

==================  =====================================================================
`TimeSeries`        time × channel, sampled at a rate or stamped: raw traces, LFP, pupil
`Events`            ragged times per unit: spike trains, licks
`Intervals`         rows with a start and a stop: trials, stimulus presentations, epochs
`Table`             any other rows: units, electrodes, regions of interest
`Frames`            time × y × x: two-photon, camera, or a video kept as it is
==================  =====================================================================

All times are seconds on the session's one clock. Data stay where they are, in a file or a bucket,
until they are asked for, and are given as they were recorded: integers stay integers unless
``scaled=True``.
"""
