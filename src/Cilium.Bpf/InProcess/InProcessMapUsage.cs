namespace Cilium.Bpf.InProcess;

/// <summary>How much a map of an engine of this process holds.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">Its type, sizes and capacity.</param>
/// <param name="Entries">Entries there are: of an array all, of a ring buffer none.</param>
/// <param name="Bytes">
/// Bytes held for them: what hash tables and tries have grown to; of arrays and ring buffers all that they may ever hold, of which operating
/// systems give only pages that were written.
/// </param>
public readonly record struct InProcessMapUsage(string Name, MapShape Shape, long Entries, long Bytes);
