namespace Cilium.Bpf.InProcess.Maps;

/// <summary>What the maps in a map of maps must be like.</summary>
internal readonly record struct MapTemplate(MapShape Shape)
{
    /// <summary>Whether a map may be put in: all but the capacity is equal, and of arrays that too unless they are marked.</summary>
    internal bool Fits(MapShape shape) =>
        shape.Type == Shape.Type && shape.KeyBytes == Shape.KeyBytes && shape.ValueBytes == Shape.ValueBytes && shape.Flags == Shape.Flags
        && (shape.Type != MapType.Array || shape.MaxEntries == Shape.MaxEntries || shape.Flags.HasFlag(MapFlags.InnerMap));
}
