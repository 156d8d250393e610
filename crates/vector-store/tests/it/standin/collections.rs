//! Creation and description of collections.

use std::collections::HashMap;
use std::pin::Pin;

use qdrant_client::qdrant::collections_server::Collections;
use qdrant_client::qdrant::{
    self, CollectionConfig, CollectionDescription, CollectionInfo, CollectionOperationResponse, CollectionParams,
    CreateCollection, DeleteCollection, GetCollectionInfoRequest, GetCollectionInfoResponse, ListCollectionsRequest,
    ListCollectionsResponse, UpdateCollection, vectors_config,
};
use qdrant_edge::{Distance, EdgeConfig, EdgeShard, EdgeSparseVectorParamsBuilder, EdgeVectorParamsBuilder};
use tonic::{Request, Response, Status};

use super::{Collection, Service, internal, unimplemented_rpcs};

#[tonic::async_trait]
impl Collections for Service {
    async fn get(
        &self,
        request: Request<GetCollectionInfoRequest>,
    ) -> Result<Response<GetCollectionInfoResponse>, Status> {
        self.0.faults.meet().await?;
        let name = request.into_inner().collection_name;
        let info = self.0.with(&name, |collection| {
            Ok(CollectionInfo {
                config: Some(collection.config.clone()),
                payload_schema: collection.indexes.clone(),
                ..CollectionInfo::default()
            })
        })?;
        Ok(Response::new(GetCollectionInfoResponse {
            result: Some(info),
            time: 0.0,
        }))
    }

    async fn list(&self, _: Request<ListCollectionsRequest>) -> Result<Response<ListCollectionsResponse>, Status> {
        self.0.faults.meet().await?;
        let names: Vec<String> = self.0.collections().keys().cloned().collect();
        Ok(Response::new(ListCollectionsResponse {
            collections: names.into_iter().map(|name| CollectionDescription { name }).collect(),
            time: 0.0,
        }))
    }

    async fn create(
        &self,
        request: Request<CreateCollection>,
    ) -> Result<Response<CollectionOperationResponse>, Status> {
        let (_, request) = self.0.receive(request).await?;
        let name = request.collection_name.clone();
        let mut collections = self.0.collections();
        if collections.contains_key(&name) {
            return Err(Status::already_exists(format!("Collection `{name}` already exists!")));
        }
        let folder = self.0.folder.path().join(&name);
        std::fs::create_dir(&folder).map_err(internal)?;
        let collection = Collection {
            shard: EdgeShard::new(&folder, engine_config(&request)).map_err(internal)?,
            config: config(request),
            indexes: HashMap::new(),
        };
        collections.insert(name, collection);
        Ok(changed())
    }

    async fn delete(
        &self,
        request: Request<DeleteCollection>,
    ) -> Result<Response<CollectionOperationResponse>, Status> {
        self.0.faults.meet().await?;
        self.0.collections().remove(&request.into_inner().collection_name);
        Ok(changed())
    }

    async fn update(
        &self,
        request: Request<UpdateCollection>,
    ) -> Result<Response<CollectionOperationResponse>, Status> {
        self.0.faults.meet().await?;
        let UpdateCollection {
            collection_name: name,
            metadata,
            ..
        } = request.into_inner();
        let mut collections = self.0.collections();
        let collection = collections.get_mut(&name);
        let collection = collection.ok_or_else(|| Status::not_found(format!("Collection `{name}` doesn't exist!")))?;
        collection.config.metadata.extend(metadata);
        Ok(changed())
    }

    unimplemented_rpcs! {
        update_aliases(ChangeAliases) -> CollectionOperationResponse;
        list_collection_aliases(ListCollectionAliasesRequest) -> ListAliasesResponse;
        list_aliases(ListAliasesRequest) -> ListAliasesResponse;
        collection_cluster_info(CollectionClusterInfoRequest) -> CollectionClusterInfoResponse;
        collection_exists(CollectionExistsRequest) -> CollectionExistsResponse;
        update_collection_cluster_setup(UpdateCollectionClusterSetupRequest) -> UpdateCollectionClusterSetupResponse;
        create_shard_key(CreateShardKeyRequest) -> CreateShardKeyResponse;
        delete_shard_key(DeleteShardKeyRequest) -> DeleteShardKeyResponse;
        list_shard_keys(ListShardKeysRequest) -> ListShardKeysResponse;
    }
}

fn changed() -> Response<CollectionOperationResponse> {
    Response::new(CollectionOperationResponse {
        result: true,
        time: 0.0,
    })
}

/// The engine's configuration for a collection.
fn engine_config(request: &CreateCollection) -> EdgeConfig {
    let mut config = EdgeConfig::builder();
    let vectors = request
        .vectors_config
        .as_ref()
        .and_then(|vectors| vectors.config.as_ref());
    if let Some(vectors_config::Config::ParamsMap(named)) = vectors {
        for (name, params) in &named.map {
            let distance = if params.distance() == qdrant::Distance::Dot {
                Distance::Dot
            } else {
                Distance::Cosine
            };
            let size = usize::try_from(params.size).unwrap();
            config = config.vector(name.as_str(), EdgeVectorParamsBuilder::new(size, distance).build());
        }
    }
    for name in request
        .sparse_vectors_config
        .iter()
        .flat_map(|config| config.map.keys())
    {
        config = config.sparse_vector(name.as_str(), EdgeSparseVectorParamsBuilder::new().build());
    }
    config.max_search_threads(1).build()
}

/// Returns the configuration of a collection.
fn config(request: CreateCollection) -> CollectionConfig {
    CollectionConfig {
        params: Some(CollectionParams {
            shard_number: request.shard_number.unwrap_or(1),
            vectors_config: request.vectors_config,
            sparse_vectors_config: request.sparse_vectors_config,
            replication_factor: request.replication_factor,
            write_consistency_factor: request.write_consistency_factor,
            ..CollectionParams::default()
        }),
        hnsw_config: request.hnsw_config,
        quantization_config: request.quantization_config,
        metadata: request.metadata,
        ..CollectionConfig::default()
    }
}
