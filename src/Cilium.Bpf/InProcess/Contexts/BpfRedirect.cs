namespace Cilium.Bpf.InProcess;

/// <summary>Where a program sent a packet with verdict 7 (tc) or 4 (XDP).</summary>
/// <param name="Kind">How it gets there.</param>
/// <param name="Ifindex">The device.</param>
public readonly record struct BpfRedirect(RedirectKind Kind, uint Ifindex);

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
    /// <summary>Out of the device, to the neighbour that routing finds (<c>bpf_redirect_neigh</c>).</summary>
    Neighbour,
}
