namespace Cilium.Bpf.InProcess;

/// <summary>Where a program sent a packet with verdict 7 (tc) or 4 (XDP).</summary>
/// <param name="Kind">How it gets there.</param>
/// <param name="Ifindex">The device.</param>
public readonly record struct BpfRedirect(RedirectKind Kind, uint Ifindex)
{
    /// <summary>The neighbour that the program named; null to take the one that routing finds.</summary>
    public BpfNextHop? NextHop { get; init; }
}

/// <summary>A neighbour by its address (<c>struct bpf_redir_neigh</c>).</summary>
/// <param name="Family">2 for IPv4, 10 for IPv6; to any other, nothing is sent.</param>
/// <param name="Address">The address in host order; an IPv4 one is the lowest 32 bits.</param>
public readonly record struct BpfNextHop(uint Family, UInt128 Address)
{
    /// <summary>The number of IPv4.</summary>
    public const uint IPv4 = 2;

    /// <summary>The number of IPv6.</summary>
    public const uint IPv6 = 10;
}

/// <summary>Ways of redirecting.</summary>
public enum RedirectKind
{
    /// <summary>Not at all.</summary>
    None,
    /// <summary>Out of the device (<c>bpf_redirect</c>).</summary>
    Egress,
    /// <summary>Into the device, as if received (<c>bpf_redirect</c> with BPF_F_INGRESS).</summary>
    Ingress,
    /// <summary>Into the other end of the device's pair (<c>bpf_redirect_peer</c>).</summary>
    Peer,
    /// <summary>Out of the device, to the neighbour that the program names or routing finds (<c>bpf_redirect_neigh</c>).</summary>
    Neighbour,
}
