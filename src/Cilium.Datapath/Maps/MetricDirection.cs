namespace Cilium.Datapath.Maps;

/// <summary>Which way a counted packet went.</summary>
[CEnum("metric_direction", "METRIC_")]
public enum MetricDirection : byte
{
    /// <summary>Ingress.</summary>
    Ingress = 1,

    /// <summary>Egress.</summary>
    Egress = 2,

    /// <summary>Service.</summary>
    Service = 3,
}
