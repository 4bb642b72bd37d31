namespace Cilium.Hubble.Observing;

/// <summary>What Hubble needs to know on a node. Keys of the agent's configuration are named in brackets.</summary>
public sealed class HubbleOptions
{
    /// <summary>How many events are kept: a power of two minus one, 1 to 65535 [hubble-event-buffer-capacity].</summary>
    public int EventBufferCapacity { get; set; } = 4095;

    /// <summary>The Unix socket to listen on; empty for none [hubble-socket-path].</summary>
    public string SocketPath { get; set; } = "/var/run/cilium/hubble.sock";

    /// <summary>The TCP address to listen on, <c>:4244</c> or <c>address:port</c>; empty for none [hubble-listen-address].</summary>
    public string ListenAddress { get; set; } = "";

    /// <summary>True to speak plain text on TCP [hubble-disable-tls].</summary>
    public bool DisableTls { get; set; } = true;

    /// <summary>PEM file of the server certificate [hubble-tls-cert-file].</summary>
    public string TlsCertFile { get; set; } = "";

    /// <summary>PEM file of the server's private key [hubble-tls-key-file].</summary>
    public string TlsKeyFile { get; set; } = "";

    /// <summary>PEM files of the authorities that clients' certificates must come from; empty to accept clients without one [hubble-tls-client-ca-files].</summary>
    public IReadOnlyList<string> TlsClientCaFiles { get; set; } = [];

    /// <summary>The cluster's name.</summary>
    public string ClusterName { get; set; } = "default";

    /// <summary>The Kubernetes node name.</summary>
    public string NodeName { get; set; } = "";

    /// <summary>The version that ServerStatus tells.</summary>
    public string Version { get; set; } = "";
}
