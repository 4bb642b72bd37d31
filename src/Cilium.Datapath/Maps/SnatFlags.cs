namespace Cilium.Datapath.Maps;

/// <summary>State of a masqueraded TCP connection.</summary>
[Flags]
[CEnum("snat_flags", "SNAT_")]
public enum SnatFlags : ushort
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>RST was seen, or FIN from both ends.</summary>
    Closing = 1,

    /// <summary>More than a SYN was seen.</summary>
    Confirmed = 2,

    /// <summary>FIN was seen on its way out.</summary>
    FinEgress = 4,

    /// <summary>FIN was seen on its way in.</summary>
    FinIngress = 8,

    /// <summary>RST was the last that was seen on its way out.</summary>
    RstEgress = 16,

    /// <summary>RST was the last that was seen on its way in.</summary>
    RstIngress = 32,
}
