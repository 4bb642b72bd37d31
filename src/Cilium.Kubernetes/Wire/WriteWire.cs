using System.Text.Json;

namespace Cilium.Kubernetes.Wire;

internal sealed class LeaseWire
{
    public string? ApiVersion { get; set; }
    public string? Kind { get; set; }
    public MetaWire? Metadata { get; set; }
    public LeaseSpecWire? Spec { get; set; }
}

internal sealed class LeaseSpecWire
{
    public string? HolderIdentity { get; set; }
    public int? LeaseDurationSeconds { get; set; }
    public string? AcquireTime { get; set; }
    public string? RenewTime { get; set; }
    public int? LeaseTransitions { get; set; }
}

internal sealed class EventWire
{
    public string? ApiVersion { get; set; }
    public string? Kind { get; set; }
    public MetaWire? Metadata { get; set; }
    public ObjectReferenceWire? InvolvedObject { get; set; }
    public string? Reason { get; set; }
    public string? Message { get; set; }
    public string? Type { get; set; }
    public EventSourceWire? Source { get; set; }
    public string? FirstTimestamp { get; set; }
    public string? LastTimestamp { get; set; }
    public int? Count { get; set; }
}

internal sealed class EventSourceWire
{
    public string? Component { get; set; }
    public string? Host { get; set; }
}

internal sealed class ObjectReferenceWire
{
    public string? ApiVersion { get; set; }
    public string? Kind { get; set; }
    public string? Namespace { get; set; }
    public string? Name { get; set; }
    public string? Uid { get; set; }
}

internal sealed class CrdWire
{
    public string? ApiVersion { get; set; }
    public string? Kind { get; set; }
    public MetaWire? Metadata { get; set; }
    public JsonElement? Spec { get; set; }
    public CrdStatusWire? Status { get; set; }
}

internal sealed class CrdStatusWire
{
    public List<ConditionWire>? Conditions { get; set; }
}

internal sealed class DeleteOptionsWire
{
    public string? ApiVersion { get; set; }
    public string? Kind { get; set; }
    public PreconditionsWire? Preconditions { get; set; }
}

internal sealed class PreconditionsWire
{
    public string? Uid { get; set; }
    public string? ResourceVersion { get; set; }
}
