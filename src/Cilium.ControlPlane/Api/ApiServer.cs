using System.Net;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Serving;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Cilium.ControlPlane.Api;

/// <summary>The agent's REST API on its Unix socket, and <c>/healthz</c> on the loopback address.</summary>
internal static class ApiServer
{
    /// <summary>Binds both and begins to answer; until the agent accepts, everything but its status is refused with 503.</summary>
    /// <exception cref="IOException">The socket or port is taken.</exception>
    public static Task<WebDoors> OpenAsync(WebServer web, AgentContext agent, CancellationToken cancellationToken)
    {
        // The lock on the state directory says that nobody listens.
        var openings = new List<Func<Task<WebDoor>>>
        {
            () => web.OpenUnixAsync(agent.Options.EffectiveSocketPath, PipelineOf(web, agent), isHttp2: false, cancellationToken),
        };
        if (agent.Options.HealthPort > 0)
        {
            var loopback = new IPEndPoint(IPAddress.Loopback, agent.Options.HealthPort);
            openings.Add(() => web.OpenAsync(loopback, context => AnswerHealth(context, agent), new WebDoorOptions(), cancellationToken));
        }

        return WebDoors.OpenAsync(openings);
    }

    private static RequestDelegate PipelineOf(WebServer web, AgentContext agent)
    {
        var pipeline = web.NewPipeline();
        pipeline.Use(next => context => GuardAsync(context, next, agent));
        pipeline.UseRouting();
        pipeline.UseEndpoints(routes =>
        {
            StatusRoutes.Map(routes, agent);
            IpamRoutes.Map(routes, agent);
            EndpointRoutes.Map(routes, agent);
            TableRoutes.Map(routes, agent);
        });
        return pipeline.Build();
    }

    private static Task AnswerHealth(HttpContext context, AgentContext agent)
    {
        context.Response.StatusCode = context.Request.Path != "/healthz" ? StatusCodes.Status404NotFound
            : agent.Readiness.IsReady ? StatusCodes.Status200OK
            : StatusCodes.Status503ServiceUnavailable;
        return Task.CompletedTask;
    }

    private static async Task GuardAsync(HttpContext context, RequestDelegate next, AgentContext agent)
    {
        if (!agent.Readiness.IsAccepting && context.Request.Path != "/v1/healthz")
        {
            await context.FailAsync(StatusCodes.Status503ServiceUnavailable, $"the agent is starting: {agent.Readiness.Phase}").ConfigureAwait(false);
            return;
        }

        try
        {
            await next(context).ConfigureAwait(false);
            if (context.Response.StatusCode == StatusCodes.Status404NotFound && !context.Response.HasStarted)
            {
                await context.FailAsync(StatusCodes.Status404NotFound, $"path {context.Request.Path} was not found").ConfigureAwait(false);
            }
        }
        catch (EndpointException exception)
        {
            await context.FailAsync(exception.StatusCode, exception.Message).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody waits for the answer; what was begun has been undone by whoever began it.
            context.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
        }
    }
}
