//! Writes, reads and searches of points.

use std::pin::Pin;

use qdrant_client::qdrant::payload_index_params::IndexParams;
use qdrant_client::qdrant::points_server::Points;
use qdrant_client::qdrant::points_update_operation::Operation;
use qdrant_client::qdrant::{
    self, BatchResult, CountPoints, CountResponse, CountResult, CreateFieldIndexCollection, DeletePoints, FacetCounts,
    FacetHit, FacetResponse, FacetValue, GetPoints, GetResponse, PayloadIndexParams, PayloadSchemaInfo,
    PayloadSchemaType, PointStruct, PointsOperationResponse, QueryBatchPoints, QueryBatchResponse, QueryPoints,
    RetrievedPoint, ScoredPoint, ScrollPoints, ScrollResponse, UpdateBatchPoints, UpdateBatchResponse, UpdateResult,
    UpdateStatus, UpsertPoints, facet_value, query, vector_input,
};
use qdrant_edge::{
    ConditionalInsertOperation, CountRequestBuilder, CreateIndex, Direction, EdgeShard, FacetRequestBuilder,
    FieldIndexOperations, FloatIndexParamsBuilder, IntegerIndexParamsBuilder, KeywordIndexParamsBuilder, NamedQuery,
    OperationError, OrderBy, OrderByInterface, PayloadFieldSchema, PayloadOps, PayloadSchemaParams,
    PointInsertOperations, PointOperations, PointVectorsPersisted, QueryEnum, QueryRequest, QueryRequestBuilder,
    Record, RetrieveRequestBuilder, ScoringQuery, ScrollRequestBuilder, SetPayloadOp, UpdateMode, UpdateOperation,
    UpdateVectorsOp, VectorInternal, VectorOperations,
};
use tonic::{Request, Response, Status};

use super::{Fault, Service, convert, internal, unimplemented_rpcs};

#[tonic::async_trait]
impl Points for Service {
    async fn upsert(&self, request: Request<UpsertPoints>) -> Result<Response<PointsOperationResponse>, Status> {
        let (fault, mut request) = self.0.receive(request).await?;
        let half_written = matches!(fault, Fault::HalfWritten);
        if half_written {
            request.points.truncate(request.points.len() / 2);
        }
        let mode = request.update_mode();
        let upsert = upsert(request.points, request.update_filter, mode)?;
        self.update(&request.collection_name, vec![upsert])?;
        if half_written {
            return Err(Status::unavailable("failed after half of the points"));
        }
        Ok(written(&fault))
    }

    async fn delete(&self, request: Request<DeletePoints>) -> Result<Response<PointsOperationResponse>, Status> {
        let (fault, request) = self.0.receive(request).await?;
        let delete = PointOperations::DeletePointsByFilter(convert::selected(request.points)?);
        self.update(&request.collection_name, vec![UpdateOperation::PointOperation(delete)])?;
        Ok(written(&fault))
    }

    async fn update_batch(&self, request: Request<UpdateBatchPoints>) -> Result<Response<UpdateBatchResponse>, Status> {
        let (fault, request) = self.0.receive(request).await?;
        let operations = request
            .operations
            .into_iter()
            .map(|operation| match operation.operation {
                Some(Operation::Upsert(list)) => {
                    let mode = list.update_mode();
                    upsert(list.points, list.update_filter, mode)
                }
                Some(Operation::OverwritePayload(overwrite)) => {
                    let overwrite = PayloadOps::OverwritePayload(SetPayloadOp {
                        payload: convert::payload(overwrite.payload),
                        points: None,
                        filter: Some(convert::selected(overwrite.points_selector)?),
                        key: None,
                    });
                    Ok(UpdateOperation::PayloadOperation(overwrite))
                }
                Some(Operation::UpdateVectors(update)) => {
                    let points = update.points.into_iter().map(|point| {
                        Ok(PointVectorsPersisted {
                            id: convert::point_id(point.id.unwrap_or_default())?,
                            vector: convert::vectors_in(point.vectors)?,
                        })
                    });
                    let update = VectorOperations::UpdateVectors(UpdateVectorsOp {
                        points: points.collect::<Result<_, Status>>()?,
                        update_filter: update
                            .update_filter
                            .map(|filter| convert::filter(Some(filter)))
                            .transpose()?,
                    });
                    Ok(UpdateOperation::VectorOperation(update))
                }
                _ => Err(Status::unimplemented(
                    "the stand-in replaces points, payloads and vectors only",
                )),
            });
        let operations: Vec<_> = operations.collect::<Result<_, _>>()?;
        let count = operations.len();
        self.update(&request.collection_name, operations)?;
        Ok(Response::new(UpdateBatchResponse {
            result: vec![result(&fault); count],
            ..UpdateBatchResponse::default()
        }))
    }

    async fn create_field_index(
        &self,
        request: Request<CreateFieldIndexCollection>,
    ) -> Result<Response<PointsOperationResponse>, Status> {
        let (fault, request) = self.0.receive(request).await?;
        let (params, kind) = index(request.field_index_params.as_ref())?;
        let create = CreateIndex {
            field_name: convert::path(&request.field_name)?,
            field_schema: Some(PayloadFieldSchema::FieldParams(params)),
        };
        self.0.with(&request.collection_name, |collection| {
            let create = UpdateOperation::FieldIndexOperation(FieldIndexOperations::CreateIndex(create));
            collection.shard.update(create).map_err(internal)?;
            let info = PayloadSchemaInfo {
                data_type: kind.into(),
                params: request.field_index_params,
                points: None,
            };
            collection.indexes.insert(request.field_name, info);
            Ok(())
        })?;
        Ok(written(&fault))
    }

    async fn get(&self, request: Request<GetPoints>) -> Result<Response<GetResponse>, Status> {
        let (_, request) = self.0.receive(request).await?;
        let ids: Result<Vec<_>, _> = request.ids.into_iter().map(convert::point_id).collect();
        let retrieve = RetrieveRequestBuilder::new(ids?)
            .with_payload(convert::with_payload(request.with_payload))
            .with_vector(convert::with_vectors(request.with_vectors))
            .build();
        let mut found = self.read(&request.collection_name, |shard| {
            shard.retrieve(retrieve).map_err(internal)
        })?;
        // The protocol promises no order.
        found.reverse();
        Ok(Response::new(GetResponse {
            result: found.into_iter().map(retrieved).collect(),
            ..GetResponse::default()
        }))
    }

    async fn scroll(&self, request: Request<ScrollPoints>) -> Result<Response<ScrollResponse>, Status> {
        let (_, request) = self.0.receive(request).await?;
        let mut scroll = ScrollRequestBuilder::new()
            .filter(convert::filter(request.filter)?)
            .limit(request.limit.unwrap_or(10) as usize)
            .with_payload(convert::with_payload(request.with_payload))
            .with_vector(convert::with_vectors(request.with_vectors));
        if let Some(order_by) = request.order_by {
            scroll = scroll.order_by(OrderByInterface::Struct(self::order_by(&order_by)?));
        }
        let mut scroll = scroll.build();
        scroll.offset = request.offset.map(convert::point_id).transpose()?;
        let (found, next) = self.read(&request.collection_name, |shard| shard.scroll(scroll).map_err(internal))?;
        Ok(Response::new(ScrollResponse {
            next_page_offset: next.map(convert::point_id_out),
            result: found.into_iter().map(retrieved).collect(),
            ..ScrollResponse::default()
        }))
    }

    async fn count(&self, request: Request<CountPoints>) -> Result<Response<CountResponse>, Status> {
        let (_, request) = self.0.receive(request).await?;
        let count = CountRequestBuilder::new()
            .filter(convert::filter(request.filter)?)
            .exact(request.exact.unwrap_or(true))
            .build();
        let count = self.read(&request.collection_name, |shard| shard.count(count).map_err(internal))?;
        Ok(Response::new(CountResponse {
            result: Some(CountResult { count: count as u64 }),
            ..CountResponse::default()
        }))
    }

    async fn facet(&self, request: Request<FacetCounts>) -> Result<Response<FacetResponse>, Status> {
        let (_, request) = self.0.receive(request).await?;
        let facet = FacetRequestBuilder::new(convert::path(&request.key)?)
            .filter(convert::filter(request.filter)?)
            .limit(usize::try_from(request.limit.unwrap_or(10)).unwrap())
            .exact(request.exact.unwrap_or_default())
            .build();
        let found = self.read(&request.collection_name, |shard| shard.facet(facet).map_err(internal))?;
        let hits = found.hits.into_iter().filter_map(|hit| match hit.value {
            qdrant_edge::FacetValue::Keyword(word) => Some(FacetHit {
                value: Some(FacetValue {
                    variant: Some(facet_value::Variant::StringValue(word)),
                }),
                count: hit.count as u64,
            }),
            qdrant_edge::FacetValue::Int(_) | qdrant_edge::FacetValue::Uuid(_) | qdrant_edge::FacetValue::Bool(_) => {
                None
            }
        });
        Ok(Response::new(FacetResponse {
            hits: hits.collect(),
            ..FacetResponse::default()
        }))
    }

    async fn query_batch(&self, request: Request<QueryBatchPoints>) -> Result<Response<QueryBatchResponse>, Status> {
        let (_, request) = self.0.receive(request).await?;
        let queries: Result<Vec<_>, _> = request.query_points.into_iter().map(query).collect();
        let queries = queries?;
        let result: Result<Vec<_>, _> = self.read(&request.collection_name, |shard| {
            let answers = queries.into_iter().map(|query| shard.query(query).map_err(internal));
            Ok(answers.collect())
        })?;
        let result = result?.into_iter().map(|found| BatchResult {
            result: found.into_iter().map(scored).collect(),
        });
        Ok(Response::new(QueryBatchResponse {
            result: result.collect(),
            ..QueryBatchResponse::default()
        }))
    }

    unimplemented_rpcs! {
        update_vectors(UpdatePointVectors) -> PointsOperationResponse;
        delete_vectors(DeletePointVectors) -> PointsOperationResponse;
        set_payload(SetPayloadPoints) -> PointsOperationResponse;
        overwrite_payload(SetPayloadPoints) -> PointsOperationResponse;
        delete_payload(DeletePayloadPoints) -> PointsOperationResponse;
        clear_payload(ClearPayloadPoints) -> PointsOperationResponse;
        delete_field_index(DeleteFieldIndexCollection) -> PointsOperationResponse;
        create_vector_name(CreateVectorNameRequest) -> PointsOperationResponse;
        delete_vector_name(DeleteVectorNameRequest) -> PointsOperationResponse;
        search(SearchPoints) -> SearchResponse;
        search_batch(SearchBatchPoints) -> SearchBatchResponse;
        search_groups(SearchPointGroups) -> SearchGroupsResponse;
        recommend(RecommendPoints) -> RecommendResponse;
        recommend_batch(RecommendBatchPoints) -> RecommendBatchResponse;
        recommend_groups(RecommendPointGroups) -> RecommendGroupsResponse;
        discover(DiscoverPoints) -> DiscoverResponse;
        discover_batch(DiscoverBatchPoints) -> DiscoverBatchResponse;
        query(QueryPoints) -> QueryResponse;
        query_groups(QueryPointGroups) -> QueryGroupsResponse;
        search_matrix_pairs(SearchMatrixPoints) -> SearchMatrixPairsResponse;
        search_matrix_offsets(SearchMatrixPoints) -> SearchMatrixOffsetsResponse;
    }
}

impl Service {
    fn read<T>(&self, name: &str, read: impl FnOnce(&EdgeShard) -> Result<T, Status>) -> Result<T, Status> {
        self.0.with(name, |collection| read(&collection.shard))
    }

    fn update(&self, name: &str, operations: Vec<UpdateOperation>) -> Result<(), Status> {
        self.read(name, |shard| {
            operations
                .into_iter()
                .try_for_each(|operation| shard.update(operation).map_err(refused))
        })
    }
}

/// Converts an upsert. The engine compares and writes in one step, as the server does.
fn upsert(
    points: Vec<PointStruct>,
    filter: Option<qdrant::Filter>,
    mode: qdrant::UpdateMode,
) -> Result<UpdateOperation, Status> {
    let points: Result<Vec<_>, _> = points.into_iter().map(convert::point).collect();
    let upsert = PointOperations::UpsertPointsConditional(ConditionalInsertOperation {
        points_op: PointInsertOperations::PointsList(points?),
        condition: convert::filter(filter)?,
        update_mode: Some(match mode {
            qdrant::UpdateMode::Upsert => UpdateMode::Upsert,
            qdrant::UpdateMode::InsertOnly => UpdateMode::InsertOnly,
            qdrant::UpdateMode::UpdateOnly => UpdateMode::UpdateOnly,
        }),
    });
    Ok(UpdateOperation::PointOperation(upsert))
}

/// Converts an error as the server does: a missing point is not found.
fn refused(error: OperationError) -> Status {
    if matches!(error, OperationError::PointIdError { .. }) {
        Status::not_found(error.to_string())
    } else {
        internal(error)
    }
}

fn written(fault: &Fault) -> Response<PointsOperationResponse> {
    Response::new(PointsOperationResponse {
        result: Some(result(fault)),
        ..PointsOperationResponse::default()
    })
}

fn result(fault: &Fault) -> UpdateResult {
    let status = if matches!(fault, Fault::NotApplied) {
        UpdateStatus::WaitTimeout
    } else {
        UpdateStatus::Completed
    };
    UpdateResult {
        operation_id: None,
        status: status.into(),
    }
}

fn retrieved(record: Record) -> RetrievedPoint {
    RetrievedPoint {
        id: Some(convert::point_id_out(record.id)),
        payload: convert::payload_out(record.payload),
        vectors: convert::vectors_out(record.vector),
        ..RetrievedPoint::default()
    }
}

fn scored(point: qdrant_edge::ScoredPoint) -> ScoredPoint {
    ScoredPoint {
        id: Some(convert::point_id_out(point.id)),
        payload: convert::payload_out(point.payload),
        vectors: convert::vectors_out(point.vector),
        score: point.score,
        ..ScoredPoint::default()
    }
}

fn order_by(order_by: &qdrant::OrderBy) -> Result<OrderBy, Status> {
    let direction = match order_by.direction() {
        qdrant::Direction::Asc => Direction::Asc,
        qdrant::Direction::Desc => Direction::Desc,
    };
    Ok(OrderBy {
        key: convert::path(&order_by.key)?,
        direction: Some(direction),
        start_from: None,
    })
}

fn query(query: QueryPoints) -> Result<QueryRequest, Status> {
    let scoring = match query.query.and_then(|query| query.variant) {
        Some(query::Variant::OrderBy(order_by)) => ScoringQuery::OrderBy(self::order_by(&order_by)?),
        Some(query::Variant::Nearest(vector)) => {
            let vector = match vector.variant {
                Some(vector_input::Variant::Dense(dense)) => VectorInternal::Dense(dense.data),
                Some(vector_input::Variant::Sparse(words)) => VectorInternal::Sparse(convert::sparse(words)),
                _ => {
                    return Err(Status::unimplemented(
                        "the stand-in knows dense and sparse vectors only",
                    ));
                }
            };
            ScoringQuery::Vector(QueryEnum::Nearest(NamedQuery {
                query: vector,
                using: query.using,
            }))
        }
        _ => {
            return Err(Status::unimplemented(
                "the stand-in knows the nearest and an order only",
            ));
        }
    };
    Ok(
        QueryRequestBuilder::new(usize::try_from(query.limit.unwrap_or(10)).unwrap())
            .query(scoring)
            .filter(convert::filter(query.filter)?)
            .with_payload(convert::with_payload(query.with_payload))
            .with_vector(convert::with_vectors(query.with_vectors))
            .build(),
    )
}

/// Converts the parameters of an index.
fn index(params: Option<&PayloadIndexParams>) -> Result<(PayloadSchemaParams, PayloadSchemaType), Status> {
    match params.and_then(|params| params.index_params.as_ref()) {
        Some(IndexParams::KeywordIndexParams(keyword)) => {
            let params = KeywordIndexParamsBuilder::new().is_tenant(keyword.is_tenant());
            Ok((PayloadSchemaParams::Keyword(params.build()), PayloadSchemaType::Keyword))
        }
        Some(IndexParams::IntegerIndexParams(integer)) => {
            let params = IntegerIndexParamsBuilder::new()
                .lookup(integer.lookup())
                .range(integer.range());
            Ok((PayloadSchemaParams::Integer(params.build()), PayloadSchemaType::Integer))
        }
        Some(IndexParams::FloatIndexParams(_)) => {
            let params = FloatIndexParamsBuilder::new().build();
            Ok((PayloadSchemaParams::Float(params), PayloadSchemaType::Float))
        }
        _ => Err(Status::unimplemented("the stand-in indexes words and numbers only")),
    }
}
