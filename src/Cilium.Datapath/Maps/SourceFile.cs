namespace Cilium.Datapath.Maps;

/// <summary>Which source file said so; upstream's numbers.</summary>
[CEnum("source_file", "FILE_")]
public enum SourceFile : byte
{
    /// <summary>Host.</summary>
    Host = 1,

    /// <summary>Lxc.</summary>
    Lxc = 2,

    /// <summary>Overlay.</summary>
    Overlay = 3,

    /// <summary>Sock.</summary>
    Sock = 5,
}
