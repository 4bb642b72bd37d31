using System.Text.Json;
using Cilium.Core.Tables;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Policies;
using Cilium.Policy;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Policies;

/// <summary>Gives the rules of policy objects to the engine; an object that cannot be read gives none and is told in the log.</summary>
/// <remarks>
/// An update that cannot be read leaves the rules that the object had: a slip in an edit must not open what was closed. The condition on the object
/// itself is written once for the cluster, by the operator.
/// </remarks>
internal sealed partial class PolicyObjectRules(PolicyDecoder decoder, ILogger<PolicyObjectRules> logger)
{
    // The objects whose rules the engine has, by uid: another object of the same name does not inherit them.
    private readonly Dictionary<PolicyObjectKey, string> _inForce = [];

    /// <summary>Carries the change of one object.</summary>
    public void Apply(TableChange<PolicyObjectKey, PolicyObjectRow> change, PolicyEngine engine)
    {
        if (change.Current is not { } row)
        {
            _inForce.Remove(change.Key);
            engine.RemovePolicy(new PolicyOrigin(change.Key.Kind.ToString(), change.Key.Namespace, change.Key.Name));
            return;
        }

        using var document = JsonDocument.Parse(row.Json.AsSpan().ToArray());
        var decoded = change.Key.Kind switch
        {
            PolicyObjectKind.NetworkPolicy => decoder.DecodeNetworkPolicy(document.RootElement),
            PolicyObjectKind.CiliumNetworkPolicy => decoder.DecodeCiliumNetworkPolicy(document.RootElement),
            _ => decoder.DecodeCiliumClusterwideNetworkPolicy(document.RootElement),
        };
        var origin = new PolicyOrigin(change.Key.Kind.ToString(), change.Key.Namespace, change.Key.Name, row.Uid);
        if (decoded.IsValid)
        {
            _inForce[change.Key] = row.Uid;
            engine.SetPolicy(origin, decoded.Rules);
        }
        else if (_inForce.TryGetValue(change.Key, out var uid) && uid == row.Uid)
        {
            LogKept(logger, row.Generation, change.Key.ToString(), decoded.Message);
        }
        else
        {
            _inForce.Remove(change.Key);
            engine.RemovePolicy(origin);
            LogRefused(logger, change.Key.ToString(), decoded.Message);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "{Policy} is not enforced: {Reason}")]
    private static partial void LogRefused(ILogger logger, string policy, string reason);

    [LoggerMessage(2, LogLevel.Warning, "generation {Generation} of {Policy} is not enforced, the last valid one before it stays in force: {Reason}")]
    private static partial void LogKept(ILogger logger, long generation, string policy, string reason);
}
