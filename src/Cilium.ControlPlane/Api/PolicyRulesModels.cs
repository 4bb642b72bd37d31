using System.Globalization;
using System.Numerics;
using Cilium.Api;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Endpoints;
using Cilium.Core;
using Cilium.Policy;
using Microsoft.AspNetCore.Http;

namespace Cilium.ControlPlane.Api;

/// <summary>Which rules are behind an entry of an endpoint's policy.</summary>
internal static class PolicyRulesModels
{
    /// <exception cref="EndpointException">The query is none.</exception>
    public static PolicyRulesModel Of(AgentContext agent, LocalEndpointRow row, IQueryCollection query)
    {
        var direction = query["direction"].ToString() switch
        {
            "ingress" => TrafficDirection.Ingress,
            "egress" => TrafficDirection.Egress,
            var other => throw new EndpointException(400, $"direction is 'ingress' or 'egress', not '{other}'"),
        };
        if (!agent.Tables.EndpointIdentities.TryGet(row.Id, out var identity))
        {
            return new PolicyRulesModel { DerivedFromRules = [] };
        }

        var subject = new PolicySubject(identity.Labels, identity.NamedPorts);
        var rules = query.ContainsKey("identity")
            ? agent.Policies.ExplainRules(subject, new PolicyKey(
                direction,
                new Identity(Number<uint>(query, "identity")),
                (L4Protocol)Number<byte>(query, "protocol"),
                Number<ushort>(query, "port"),
                Number<byte>(query, "port-prefix")))
            : agent.Policies.EnforcingRules(subject, direction);
        return new PolicyRulesModel { DerivedFromRules = [.. rules.Select(rule => rule.Described)] };
    }

    private static TNumber Number<TNumber>(IQueryCollection query, string name)
        where TNumber : struct, INumber<TNumber>
        => TNumber.TryParse(query[name].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new EndpointException(400, $"{name} is no number that fits: '{query[name]}'");
}
