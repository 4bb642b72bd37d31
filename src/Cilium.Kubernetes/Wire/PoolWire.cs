namespace Cilium.Kubernetes.Wire;

internal sealed class PodIPPoolWire
{
    public string? ApiVersion { get; set; }
    public string? Kind { get; set; }
    public MetaWire? Metadata { get; set; }
    public PodIPPoolSpecWire? Spec { get; set; }
}

internal sealed class PodIPPoolSpecWire
{
    public PodIPPoolFamilyWire? Ipv4 { get; set; }
    public PodIPPoolFamilyWire? Ipv6 { get; set; }
    public LabelSelectorWire? PodSelector { get; set; }
    public LabelSelectorWire? NamespaceSelector { get; set; }
}

internal sealed class PodIPPoolFamilyWire
{
    public List<string>? Cidrs { get; set; }
    public int? MaskSize { get; set; }
}

internal sealed class LabelSelectorWire
{
    public Dictionary<string, string>? MatchLabels { get; set; }
    public List<LabelRequirementWire>? MatchExpressions { get; set; }
}

internal sealed class LabelRequirementWire
{
    public string? Key { get; set; }
    public string? Operator { get; set; }
    public List<string>? Values { get; set; }
}

internal sealed class LoadBalancerIPPoolWire
{
    public string? ApiVersion { get; set; }
    public string? Kind { get; set; }
    public MetaWire? Metadata { get; set; }
    public LoadBalancerIPPoolSpecWire? Spec { get; set; }
    public PolicyStatusBodyWire? Status { get; set; }
}

internal sealed class LoadBalancerIPPoolSpecWire
{
    public List<AddressBlockWire>? Blocks { get; set; }
    public LabelSelectorWire? ServiceSelector { get; set; }
    public bool? Disabled { get; set; }
    public string? AllowFirstLastIPs { get; set; }
}

internal sealed class AddressBlockWire
{
    public string? Cidr { get; set; }
    public string? Start { get; set; }
    public string? Stop { get; set; }
}

/// <summary>The status of a service as it is patched: a list replaces the list that was there.</summary>
internal sealed class ServicePatchWire
{
    public MetaWire? Metadata { get; set; }
    public ServiceStatusWire? Status { get; set; }
}
