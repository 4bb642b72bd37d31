using Cilium.Api;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Endpoints;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Cilium.ControlPlane.Api;

/// <summary>endpoint: created, shown and deleted.</summary>
internal static class EndpointRoutes
{
    public static void Map(IEndpointRouteBuilder routes, AgentContext agent)
    {
        routes.MapGet("/v1/endpoint", context => context.AnswerAsync(
            [.. agent.Tables.Endpoints.Snapshot().Values.OrderBy(row => row.Id).Select(row => EndpointModels.Of(agent, row))],
            ApiJson.Default.IReadOnlyListEndpointModel));
        routes.MapGet("/v1/endpoint/{id}", context => context.AnswerAsync(
            EndpointModels.Of(agent, Find(context, agent)), ApiJson.Default.EndpointModel));
        routes.MapGet("/v1/endpoint/{id}/healthz", context => context.AnswerAsync(
            EndpointModels.HealthOf(agent, Find(context, agent)), ApiJson.Default.EndpointHealth));
        routes.MapGet("/v1/endpoint/{id}/labels", context => context.AnswerAsync(
            EndpointModels.LabelsOf(agent, Find(context, agent)), ApiJson.Default.LabelConfigurationStatus));
        routes.MapGet("/v1/endpoint/{id}/rules", context => context.AnswerAsync(
            PolicyRulesModels.Of(agent, Find(context, agent), context.Request.Query), ApiJson.Default.PolicyRulesModel));
        routes.MapGet("/v1/endpoint/{id}/log", context => context.AnswerAsync(
            EndpointModels.Of(agent, Find(context, agent)).Status!.Log!, ApiJson.Default.IReadOnlyListEndpointStatusChange));
        routes.MapPut("/v1/endpoint/{id}", context => Create(context, agent));
        routes.MapPatch("/v1/endpoint/{id}", context => Patch(context, agent));
        routes.MapDelete("/v1/endpoint/{id}", context => DeleteOne(context, agent));
        routes.MapDelete("/v1/endpoint", context => DeleteMany(context, agent));
    }

    private static LocalEndpointRow Find(HttpContext context, AgentContext agent)
    {
        var id = context.Route("id");
        if (!EndpointSelector.TryParse(id, out var selector))
        {
            throw new EndpointException(400, $"'{id}' is not an endpoint id");
        }

        return agent.Tables.Endpoints.Snapshot().Values.FirstOrDefault(selector.Matches)
            ?? throw new EndpointException(404, $"there is no endpoint '{id}'");
    }

    private static async Task Create(HttpContext context, AgentContext agent)
    {
        var request = await context.ReadAsync(ApiJson.Default.EndpointChangeRequest, context.RequestAborted).ConfigureAwait(false);
        var row = await agent.Registry.CreateAsync(request, context.RequestAborted).ConfigureAwait(false);
        await context.AnswerAsync(EndpointModels.Of(agent, row), ApiJson.Default.EndpointModel, StatusCodes.Status201Created).ConfigureAwait(false);
    }

    // What a device is cannot change after ADD; a request that only repeats it is met.
    private static async Task Patch(HttpContext context, AgentContext agent)
    {
        var row = Find(context, agent);
        var request = await context.ReadAsync(ApiJson.Default.EndpointChangeRequest, context.RequestAborted).ConfigureAwait(false);
        if (request.InterfaceName is { Length: > 0 } name && name != row.InterfaceName)
        {
            throw new EndpointException(400, $"interface-name is {row.InterfaceName} and cannot become {name}");
        }

        await context.AnswerAsync(EndpointModels.Of(agent, row), ApiJson.Default.EndpointModel).ConfigureAwait(false);
    }

    private static Task DeleteOne(HttpContext context, AgentContext agent)
    {
        var id = context.Route("id");
        if (!EndpointSelector.TryParse(id, out var selector))
        {
            throw new EndpointException(400, $"'{id}' is not an endpoint id");
        }

        if (agent.Registry.Delete(selector.Matches).Count == 0)
        {
            throw new EndpointException(404, $"there is no endpoint '{id}'");
        }

        context.Response.StatusCode = StatusCodes.Status200OK;
        return Task.CompletedTask;
    }

    // Carried out even when who sent it has gone: a plugin waits a short time only, and the pod is gone either way.
    private static async Task DeleteMany(HttpContext context, AgentContext agent)
    {
        var request = await context.ReadAsync(ApiJson.Default.EndpointBatchDeleteRequest, CancellationToken.None).ConfigureAwait(false);
        if (string.IsNullOrEmpty(request.ContainerId))
        {
            throw new EndpointException(400, "container-id is required");
        }

        if (agent.Registry.Delete(row => row.ContainerId == request.ContainerId).Count == 0)
        {
            throw new EndpointException(404, $"there is no endpoint of container {request.ContainerId}");
        }

        context.Response.StatusCode = StatusCodes.Status200OK;
    }
}
