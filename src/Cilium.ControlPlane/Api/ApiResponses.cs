using System.Text.Json.Serialization.Metadata;
using Cilium.Api;
using Microsoft.AspNetCore.Http;

namespace Cilium.ControlPlane.Api;

/// <summary>How the REST API answers: JSON by the models' generated code, errors as a JSON text.</summary>
internal static class ApiResponses
{
    public static Task AnswerAsync<T>(this HttpContext context, T value, JsonTypeInfo<T> type, int status = StatusCodes.Status200OK)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(value, type, "application/json", context.RequestAborted);
    }

    public static Task FailAsync(this HttpContext context, int status, string reason) =>
        context.AnswerAsync(reason, ApiJson.Default.String, status);

    public static async Task<T> ReadAsync<T>(this HttpContext context, JsonTypeInfo<T> type, CancellationToken cancellationToken)
        where T : class
    {
        try
        {
            return await context.Request.ReadFromJsonAsync(type, cancellationToken).ConfigureAwait(false)
                ?? throw new Endpoints.EndpointException(400, "the request has no body");
        }
        catch (Exception exception) when (exception is System.Text.Json.JsonException or InvalidOperationException)
        {
            throw new Endpoints.EndpointException(400, $"the request cannot be read: {exception.Message}");
        }
    }

    /// <summary>A part of the path, decoded. The server has decoded all of it but the slash, which would have looked like one between parts.</summary>
    public static string Route(this HttpContext context, string name) =>
        (context.Request.RouteValues[name] as string ?? "").Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
}
