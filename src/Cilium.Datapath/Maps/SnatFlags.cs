namespace Cilium.Datapath.Maps;

/// <summary>State of a masqueraded TCP connection.</summary>
[Flags]
[CEnum("snat_flags", "SNAT_")]
public enum SnatFlags : ushort
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>FIN or RST was seen.</summary>
    Closing = 1,

    /// <summary>More than a SYN was seen.</summary>
    Confirmed = 2,
}
