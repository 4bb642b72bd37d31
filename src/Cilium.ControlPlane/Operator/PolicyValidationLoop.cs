using System.Text.Json;
using Cilium.Core.Tables;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Policies;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Operator;

/// <summary>Tells on each policy object whether it can be enforced.</summary>
internal sealed partial class PolicyValidationLoop
{
    private readonly IReadTable<PolicyObjectKey, PolicyObjectRow> _policies;
    private readonly PolicyDecoder _decoder;
    private readonly PolicyStatusWriter _writer;
    private readonly ILogger _logger;
    private readonly KeyedLoop<PolicyObjectKey> _loop;

    public PolicyValidationLoop(
        IReadTable<PolicyObjectKey, PolicyObjectRow> policies, PolicyDecoder decoder, PolicyStatusWriter writer, TimeProvider time, Random random, ILogger logger)
    {
        _policies = policies;
        _decoder = decoder;
        _writer = writer;
        _logger = logger;
        _loop = new KeyedLoop<PolicyObjectKey>("policy-validation", HandleAsync, time, random, logger).Watch(policies);
    }

    public Task RunAsync(CancellationToken cancellationToken) => _loop.RunAsync(cancellationToken);

    private async Task HandleAsync(PolicyObjectKey key, CancellationToken cancellationToken)
    {
        if (key.Kind == PolicyObjectKind.NetworkPolicy || !_policies.TryGet(key, out var row))
        {
            return;
        }

        var decoded = Decode(key, row);
        var reason = decoded.IsValid ? "" : decoded.Errors.All(error => error.IsUnsupported) ? "FeatureNotAvailable" : "InvalidPolicy";
        await _writer.SetValidAsync(key, decoded.IsValid, reason, MessageOf(row, decoded), cancellationToken);
        if (!decoded.IsValid)
        {
            LogInvalid(_logger, key.ToString(), decoded.Message);
        }
    }

    // Which generation an agent has read before is not known here, so this says no more than what agents do.
    private static string MessageOf(PolicyObjectRow row, DecodedPolicy decoded) => decoded.IsValid || row.Generation <= 1
        ? decoded.Message
        : decoded.Message + "; the last valid generation before this one stays in force where an agent has read it";

    private DecodedPolicy Decode(PolicyObjectKey key, PolicyObjectRow row)
    {
        using var document = JsonDocument.Parse(row.Json.AsSpan().ToArray());
        return key.Kind == PolicyObjectKind.CiliumNetworkPolicy
            ? _decoder.DecodeCiliumNetworkPolicy(document.RootElement)
            : _decoder.DecodeCiliumClusterwideNetworkPolicy(document.RootElement);
    }

    [LoggerMessage(1, LogLevel.Warning, "{Policy} is refused: {Reason}")]
    private static partial void LogInvalid(ILogger logger, string policy, string reason);
}
