namespace Cilium.Datapath.Maps;

/// <summary>Properties of an address prefix.</summary>
[Flags]
[CEnum("ipcache_flags", "IPCACHE_")]
public enum IpcacheFlags : uint
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Skip tunnel.</summary>
    SkipTunnel = 1,
}
